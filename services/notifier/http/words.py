"""Decisions in words, Indonesian and English: the history of an alert as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from services.notifier.engine.rules import Language
from services.notifier.messages.terms import TERMS

Words = dict[Language, str]

_MOVES: Final[Mapping[str, tuple[str, str]]] = {
    "hold_started": (
        "Angka melewati batas; peringatan menunggu sampai keadaan ini bertahan",
        "The figure crossed the line; the alert waits until it has stayed there",
    ),
    "raised": ("Peringatan dimulai", "The alert was raised"),
    "hold_broken": (
        "Angka kembali sebelum waktu tunggu habis",
        "The figure went back before the waiting time was over",
    ),
    "clear_started": (
        "Angka kembali ke sisi aman; berakhirnya peringatan menunggu sampai keadaan ini bertahan",
        "The figure is back on the safe side; the end waits until it has stayed there",
    ),
    "recovered": ("Keadaan pulih; peringatan berakhir", "It recovered; the alert has ended"),
    "clear_broken": (
        "Angka melewati batas lagi sebelum pulih; peringatan yang sama berlanjut",
        "The figure crossed the line again before it recovered; the same alert goes on",
    ),
    "rule_removed": ("Aturannya dihapus; peringatan ditutup", "The rule was removed; the alert was closed"),
    "out_of_scope": (
        "Wilayah ini tidak lagi diawasi aturan itu; peringatan ditutup",
        "The rule no longer watches this region; the alert was closed",
    ),
    "unknown": (
        "Angkanya tidak diketahui selama tujuh hari; peringatan ditutup",
        "The figure was unknown for seven days; the alert was closed",
    ),
}
_HELD: Final[Mapping[str, tuple[str, str]]] = {
    "muted": (
        "{occasion} untuk {official} ditahan: peringatan lain sudah mengatakannya",
        "{occasion} for {official} waits: another alert already says it",
    ),
    "silenced": (
        "{occasion} untuk {official} ditahan: dibungkam sementara",
        "{occasion} for {official} waits: a silence is in force",
    ),
    "quiet_hours": (
        "{occasion} untuk {official} ditahan sampai jam tenang berakhir",
        "{occasion} for {official} waits until the quiet hours end",
    ),
    "grouped": (
        "{occasion} untuk {official} menunggu ringkasan",
        "{occasion} for {official} waits for a digest",
    ),
    "acknowledged": (
        "{occasion} untuk {official} dibatalkan: peringatan sudah ditandai diketahui",
        "{occasion} for {official} was dropped: the alert is acknowledged",
    ),
    "never_told": (
        "{occasion} untuk {official} dibatalkan: peringatan berakhir sebelum pesan dikirim",
        "{occasion} for {official} was dropped: the alert ended before anything was told",
    ),
}
_OCCASIONS: Final[Mapping[str, tuple[str, str]]] = {
    "raised": ("Pesan awal", "The first message"),
    "escalated": ("Eskalasi", "The escalation"),
    "repeated": ("Pengingat", "The reminder"),
    "recovered": ("Pesan pulih", "The message of recovery"),
}
_CHANNELS: Final[Mapping[str, tuple[str, str]]] = {
    "email": ("surel", "e-mail"),
    "webhook": ("webhook", "webhook"),
    "chat": ("obrolan", "chat"),
}


def in_words(line: Mapping[str, Any], name_of: Mapping[str, str]) -> Words:
    """Return what a line of the trace says. `name_of`: officials' names by id; an id without one stands for itself."""
    official = name_of.get(line.get("official", ""), line.get("official", ""))
    match line["what"]:
        case "move":
            said = _MOVES[line["reason"]]
            if line.get("because") == "potential":
                said = (
                    f"{said[0]}, karena angka potensi berubah, bukan karena pesertanya",
                    f"{said[1]}, because the potential changed, not the people",
                )
        case "message":
            many, channel = len(line["alerts"]), _CHANNELS[line["channel"].partition(":")[0]]
            occasion = _OCCASIONS[line["occasion"]]
            with_others = (
                (f", dalam ringkasan {many} peringatan", f", in a digest of {many} alerts") if many > 1 else ("",) * 2
            )
            said = (
                f"{occasion[0]} untuk {official} lewat {channel[0]}{with_others[0]}",
                f"{occasion[1]} to {official} by {channel[1]}{with_others[1]}",
            )
        case "held":
            occasion, held = _OCCASIONS[line["occasion"]], _HELD[line["reason"]]
            said = tuple(  # type: ignore[assignment]
                text.format(occasion=what, official=official) for text, what in zip(held, occasion, strict=True)
            )
        case "vacancy":
            said = (
                f"Jabatan {TERMS['id']['role'][line['role']]} kosong; tidak ada yang menerima pesan",
                f"The office of {TERMS['en']['role'][line['role']]} is vacant; nobody is told",
            )
    return {"id": f"{said[0]}.", "en": f"{said[1]}."}
