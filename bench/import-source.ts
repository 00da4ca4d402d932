import { DatabaseSync } from 'node:sqlite';

const FIRST = Date.UTC(2014, 0, 1);
const MINUTE_MS = 60_000;
const CENTS = 100_000;

/** A database of AI Trader with so many candles of a minute, one after another; as SQLAlchemy makes it and writes its times. */
export function makeCandles(path: string, rows: number): void {
  using db = new DatabaseSync(path);
  db.exec(`pragma journal_mode = off; pragma synchronous = off;
    create table market_data (id INTEGER NOT NULL, symbol VARCHAR(20) NOT NULL, timestamp DATETIME NOT NULL, open FLOAT NOT NULL, high FLOAT NOT NULL, low FLOAT NOT NULL, close FLOAT NOT NULL, volume FLOAT,
      timeframe VARCHAR(10) NOT NULL, PRIMARY KEY (id)); begin`);
  const insert = db.prepare('insert into market_data values (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  // The same file each time: a walk by a generator of one's own.
  let seed = 1;
  const below = (most: number) => (seed = (seed * 48_271) % 2_147_483_647) % most;
  let price = 110_000;
  for (let n = 0; n < rows; n++) {
    const open = price;
    price = Math.min(200_000, Math.max(50_000, price + below(101) - 50));
    const time = new Date(FIRST + n * MINUTE_MS).toISOString().replace('T', ' ').replace('Z', '000');
    insert.run(n + 1, 'EURUSD', time, open / CENTS, (Math.max(open, price) + below(10)) / CENTS, (Math.min(open, price) - below(10)) / CENTS, price / CENTS, below(1_000), '1min');
  }
  db.exec('commit');
}
