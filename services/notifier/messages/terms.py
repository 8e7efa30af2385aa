"""The terms of docs/glossary.md in each language. What has no term here appears under its own name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from services.notifier.engine.rules import Language

Terms: TypeAlias = Mapping[str, Mapping[str, str]]

TERMS: Final[Mapping[Language, Terms]] = {
    "id": {
        "flow": {
            "joined": "masuk", "rejoined": "masuk kembali", "ended": "berakhir", "moved_in": "pindah masuk",
            "moved_out": "pindah keluar", "moved_within": "pindah di dalam wilayah", "lapsed": "nonaktif",
            "activated": "mulai aktif", "returned": "aktif kembali",
        },
        "payer": {
            "self": "mandiri", "employer": "pemberi kerja", "apbd_province": "APBD provinsi",
            "apbd_regency": "APBD kabupaten/kota", "village_fund": "dana desa", "csr": "CSR",
        },
        "segment": {
            "PU": "penerima upah", "BPU": "bukan penerima upah", "JAKON": "jasa konstruksi", "PMI": "pekerja migran",
        },
        "group": {
            "vulnerable": "pekerja rentan", "village_official": "perangkat desa", "non_asn": "pegawai non-ASN",
            "election_officer": "petugas pemilu",
        },
        "counted": {"person": "orang", "persons": "orang", "village": "desa", "villages": "desa"},
        "measure": {"active": "aktif", "registered": "terdaftar"},
        "people": {
            "basis workers": "peserta {measure}", "basis vulnerable": "pekerja rentan {measure}",
            "basis village_officials": "perangkat desa {measure}", "group": "{value} {measure}",
            "payer": "peserta {measure} yang dibayar {value}", "payer self": "peserta {measure} yang membayar mandiri",
            "segment": "peserta {measure} {value}", "programme": "peserta {measure} program {value}",
        },
        "potential": {
            "workers": "potensi pekerja", "vulnerable": "potensi pekerja rentan", "village_officials": "perangkat desa",
        },
        "below": {
            "province": "Provinsi", "regency": "Kabupaten/kota", "district": "Kecamatan", "village": "Desa/kelurahan",
        },
        "place": {
            "district": "Kecamatan", "short district": "Kec.", "desa": "Desa", "kelurahan": "Kelurahan",
        },
        "state": {
            "none": "belum layak", "eligible": "layak, belum ditetapkan", "designated": "ditetapkan",
            "designated_broken": "ditetapkan, gugur syarat",
        },
        "severity": {"info": "Info", "warning": "Peringatan", "critical": "Mendesak"},
        "role": {
            "kemenko_pmk": "Kemenko PMK", "kemnaker": "Kemnaker", "kemendagri": "Kemendagri",
            "bpjs_pusat": "BPJS Ketenagakerjaan Pusat", "gubernur": "Gubernur", "sekda_provinsi": "Sekda Provinsi",
            "bupati": "Bupati/Wali Kota", "sekda": "Sekda", "camat": "Camat", "kepala_desa": "Kepala Desa/Lurah",
        },
    },
    "en": {
        "flow": {
            "joined": "joined", "rejoined": "joined again", "ended": "ended", "moved_in": "moved in",
            "moved_out": "moved out", "moved_within": "moved within the region", "lapsed": "lapsed",
            "activated": "became active", "returned": "active again",
        },
        "payer": {
            "self": "self", "employer": "employer", "apbd_province": "provincial budget (APBD)",
            "apbd_regency": "regency budget (APBD)", "village_fund": "village fund", "csr": "CSR",
        },
        "segment": {
            "PU": "wage earners", "BPU": "non-wage earners", "JAKON": "construction workers", "PMI": "migrant workers",
        },
        "group": {
            "vulnerable": "vulnerable workers", "village_official": "village officials", "non_asn": "contract staff",
            "election_officer": "election officers",
        },
        "counted": {"person": "person", "persons": "people", "village": "village", "villages": "villages"},
        "measure": {"active": "active", "registered": "registered"},
        "people": {
            "basis workers": "{measure} participants", "basis vulnerable": "{measure} vulnerable workers",
            "basis village_officials": "{measure} village officials", "group": "{measure} {value}",
            "payer": "{measure} participants paid by {value}",
            "payer self": "{measure} participants who pay themselves",
            "segment": "{measure} {value}", "programme": "{measure} participants of programme {value}",
        },
        "potential": {
            "workers": "potential workers", "vulnerable": "potential vulnerable workers",
            "village_officials": "village officials",
        },
        "below": {
            "province": "Provinces", "regency": "Regencies", "district": "Districts", "village": "Villages",
        },
        "place": {
            "district": "Kecamatan", "short district": "Kec.", "desa": "Desa", "kelurahan": "Kelurahan",
        },
        "state": {
            "none": "not eligible", "eligible": "eligible, not designated", "designated": "designated",
            "designated_broken": "designated, conditions broken",
        },
        "severity": {"info": "Info", "warning": "Warning", "critical": "Urgent"},
        "role": {
            "kemenko_pmk": "Kemenko PMK", "kemnaker": "Kemnaker", "kemendagri": "Kemendagri",
            "bpjs_pusat": "BPJS Ketenagakerjaan (national)", "gubernur": "Governor",
            "sekda_provinsi": "Provincial Secretary", "bupati": "Regent/Mayor", "sekda": "Regency Secretary",
            "camat": "District Head", "kepala_desa": "Village Head",
        },
    },
}  # fmt: skip
