"""What tests need of the fonts of a machine."""

import pytest

from abm.output import lettering

# A font is a package of the system and not to be had by pip. Where none has Chinese letters, what is done without one
# is tested in `test_lettering`; `.ci/run` installs one.
needs_chinese = pytest.mark.skipif(lettering.family_of("医") is None, reason="no font here has Chinese")
