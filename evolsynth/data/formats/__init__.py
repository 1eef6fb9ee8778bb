"""The forms that rows of other tools have, one a module; `form.FORMS` finds them."""
