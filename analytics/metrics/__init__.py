"""Pure metric functions over numpy arrays, and the catalogue that names them."""
