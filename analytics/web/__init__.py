"""Pages: HTML made on the server, in English and Chinese, without scripts and without foreign hosts."""
