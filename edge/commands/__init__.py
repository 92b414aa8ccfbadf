"""Commands of ``smartstore-edge``, a module each: ``add_parser`` names its arguments, ``run`` carries it out."""
