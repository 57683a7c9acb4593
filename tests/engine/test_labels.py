"""Who is on a watchlist: all rows at once, as one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sigmawatch.domain.market import Market
from sigmawatch.domain.series import Series
from sigmawatch.domain.watchlist import Watchlist
from sigmawatch.domain.window import Interval
from sigmawatch.engine.labels import Labels

VENUES, ASSETS, METRICS = ("KRAKEN", "BINANCE"), ("BTC", "ETH", "USD", "USDT"), ("price", "bid")
ITEMS = st.builds(
    "{}:{}/{}:{}".format,
    st.sampled_from(("*", "kraken", "B*")),
    st.sampled_from(("*", "BTC", "*T*")),
    st.sampled_from(("*", "USD", "USD*")),
    st.sampled_from(("*", "price", "b*")),
)


def a_series(number: int, venue: str, pair: tuple[str, str], metric: str) -> Series:
    market = Market(venue=venue, base=pair[0], quote=pair[1], native="/".join(pair))
    return Series(id=number + 1, market=market, metric=metric, interval=Interval(60_000),
                  block_id=1, place=number)  # fmt: skip


@given(
    st.lists(ITEMS, min_size=1, max_size=4),
    st.lists(
        st.tuples(
            st.sampled_from(VENUES),
            st.tuples(st.sampled_from(ASSETS), st.sampled_from(ASSETS)),
            st.sampled_from(METRICS),
        ),
        max_size=12,
    ),
)
def test_all_rows_at_once_are_judged_as_one_by_one(
    items: list[str], told: list[tuple[str, tuple[str, str], str]]
) -> None:
    watchlist = Watchlist.of("x", items)
    series = [a_series(number, *one) for number, one in enumerate(told)]
    mask = Labels(series).on(watchlist.patterns)
    assert mask.tolist() == [watchlist.names(one) for one in series]
