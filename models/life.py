"""The life of a record: which states it may come to from which, and the only way there."""

from odoo import models


class Life(models.AbstractModel):
    """To be inherited with a field ``state`` and ``_transitions``; nothing else writes the state of such a record."""

    _name = "l10n_pl_ksef.life"
    _description = "Life of a KSeF Record"

    # {(state, state): the act that leads from one to the other}
    _transitions: dict = {}

    def _to(self, state, **values):
        """Bring these records to a state, with further values; one that is there already only gets the values.

        :raises ValueError: it cannot come there from where it is; whoever lets people decide asks ``_can_become`` first
        """
        for record in self:
            if record.state != state and not record._can_become(state):
                raise ValueError(f"{record}: no way from {record.state} to {state}")
        self.write({"state": state, **values})

    def _can_become(self, state):
        """Tell whether there is a way from the state that this record is in to another one."""
        return (self.state, state) in self._transitions
