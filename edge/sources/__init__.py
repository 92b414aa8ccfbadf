"""Where readings come from: recordings and the simulator; devices join here."""
