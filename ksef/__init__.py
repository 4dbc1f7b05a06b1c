"""KSeF's rules in plain Python: nothing here imports odoo or knows of a database."""
