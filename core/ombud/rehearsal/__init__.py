"""An upgrade tried on a copy of the desk's database, with the pages, rights and numbers before and after compared."""
