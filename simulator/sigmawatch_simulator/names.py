"""Which assets and which pairs exist, the most traded first.

Real names lead, invented but plausible ones follow, each the same for every seed. Prices are
round figures of no particular day.
"""

from collections.abc import Iterator
from itertools import islice, product

# name, price in US dollars
_REAL = """
BTC 97000 ETH 3400 SOL 180 XRP 2.3 ADA 0.71 DOGE 0.31 BNB 690 LTC 104 DOT 6.9 LINK 22 AVAX 37
BCH 440 XLM 0.38 UNI 12.5 ATOM 6.4 ETC 25 XMR 205 ALGO 0.31 FIL 4.9 AAVE 290 NEAR 5.1
APT 8.9 ARB 0.75 OP 1.7 SUI 4.1 TRX 0.25 SHIB 0.000022 PEPE 0.000018 INJ 21 TIA 4.7 SEI 0.41
RUNE 3.6 MKR 1500 GRT 0.2 CRV 0.9 SNX 2 COMP 72 SAND 0.55 MANA 0.46 AXS 6.1 CHZ 0.08
ENJ 0.2 BAT 0.23 ZEC 52 DASH 37 XTZ 1.2 EOS 0.77 KSM 33 FLOW 0.7 ICP 10 HBAR 0.28
VET 0.045 EGLD 32 THETA 2.1 FTM 0.7 QTUM 3.1 ZRX 0.5 KNC 0.6 LRC 0.2 OMG 0.3 STORJ 0.5
ANKR 0.035 SKL 0.05 NMR 18 REN 0.04 BAL 2.5 YFI 8200 SUSHI 1.3 1INCH 0.38 ENS 33 IMX 1.3
APE 1.1 GALA 0.035 JASMY 0.033 BLUR 0.25 DYDX 1.4 LDO 1.8 RPL 11 WIF 1.7 BONK 0.00003 JUP 0.85
PYTH 0.36 W 0.28 STRK 0.45 ENA 0.9 ONDO 1.3 RENDER 7.2 FET 1.3 TAO 460 WLD 2.1 KAS 0.12
POL 0.46 S 0.55 TON 5.5 FLR 0.026 MINA 0.55 ROSE 0.08 CELO 0.65 KAVA 0.46 OXT 0.08
"""
_SYLLABLES = "ZO KI VA RU NE LA MI TU SO PA DE GA XI BO FE NU YO HA CI WE"
_ENDINGS = "X N R T L DO GO FI AI K"


def assets(count: int) -> list[tuple[str, float]]:
    """The first `count` assets (or all real ones): name and price in US dollars."""
    words = _REAL.split()
    real = list(zip(words[::2], map(float, words[1::2]), strict=True))
    known = {name for name, _ in real}
    invented = (name for name in _invented() if name not in known)
    more = [(name, 0.0) for name in islice(invented, max(0, count - len(real)))]
    return real + more


def _invented() -> Iterator[str]:
    syllables, endings = _SYLLABLES.split(), _ENDINGS.split()
    for first, ending in product(syllables, endings):
        yield first + ending
    for first, second, ending in product(syllables, syllables, endings):
        yield first + second + ending
    for number, name in product(range(2, 10), product(syllables, syllables)):
        yield "".join(name) + str(number)
