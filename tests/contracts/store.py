"""What every store does, wherever it keeps things."""

import pytest

from clipwatch.model import Root
from clipwatch.store.base import Store
from tests.contracts.store_counting import CountingContract
from tests.contracts.store_files import FilesContract
from tests.contracts.store_identity import IdentityContract
from tests.contracts.store_jobs import JobsContract
from tests.contracts.store_ledger import LedgerContract
from tests.contracts.store_manual import ManualContract
from tests.contracts.store_reading import ReadingContract
from tests.contracts.store_removal import RemovalContract


class StoreContract(
    CountingContract,
    FilesContract,
    IdentityContract,
    JobsContract,
    LedgerContract,
    ManualContract,
    ReadingContract,
    RemovalContract,
):
    """Inherited beside a fixture ``store``, an empty one."""

    @pytest.fixture
    async def root(self, store: Store) -> Root:
        return await store.register_root(b"/pictures")
