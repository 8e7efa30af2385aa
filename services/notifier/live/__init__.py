"""The engine on live input: snapshots, rules, officials, silences and acknowledgements in one order."""
