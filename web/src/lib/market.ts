// Names of markets in addresses.

/** `KRAKEN:BTC/USD` as the API takes it in a path: `KRAKEN:BTC-USD:price`. */
export const slug = (market: string, metric: string): string =>
  `${market.replace("/", "-")}:${metric}`;

/** The page of a market: `/m/kraken/btc-usd`. */
export const pageOf = (market: string): string => {
  const [venue, pair] = market.split(":");
  return `m/${encodeURIComponent(venue!.toLowerCase())}/${encodeURIComponent(pair!.toLowerCase().replace("/", "-"))}`;
};

/** `KRAKEN:BTC/USD:price` without its metric. */
export const marketOf = (series: string): string => series.split(":").slice(0, 2).join(":");
