"""The engine on real time: one replica evaluates, the others stand by."""
