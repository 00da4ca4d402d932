import { roughly, isNegative } from '../../kit/decimal.js';
import { Amount, Bar, Light, Mode, Money, type Tone, Unknown } from '../../kit/figures.js';
import { Panel } from '../../kit/panel.js';
import { Age, span, useNow, utc } from '../../kit/time.js';
import type { Book } from '../../shared/overview.js';
import { ExposureLimits } from './exposure-limits.js';
import css from './overview.module.css';

/** Of what may be lost: below these parts of it, little is left. */
const [DOUBT_BELOW, DANGER_BELOW] = [0.5, 0.2];
const FLOORS = { day: "the day's floor", drawdown: 'the drawdown floor' } as const;

type Floor = Book['floors'][number];

const partOf = ({ moneyLeft, limit }: Floor): number => (moneyLeft.value === null || limit.value === null ? NaN : roughly(moneyLeft.value) / roughly(limit.value));
const toneOf = (part: number): Tone => (Number.isNaN(part) ? 'doubt' : part < DANGER_BELOW ? 'danger' : part < DOUBT_BELOW ? 'doubt' : 'good');

/** For each account and mode by itself: nothing is summed over currencies or modes. */
export function RoomToLose({ books }: { books: Book[] }) {
  if (books.length === 0) return <Panel title="Room to lose"><p className="quiet">No account is in use.</p></Panel>;
  return (
    <section aria-label="Room to lose" className={css.books}>
      {books.map((book) => <BookCard key={`${book.id} ${book.mode}`} book={book} />)}
    </section>
  );
}

function BookCard({ book }: { book: Book }) {
  const { currency } = book;
  const nearest = book.floors.find(({ isNearest }) => isNearest);
  const isLimited = book.floors.some(({ status }) => status !== 'no_limit');
  const tone = nearest ? toneOf(partOf(nearest)) : 'doubt';
  const stripe = book.word !== 'TRADING' || tone === 'danger' ? 'danger' : tone === 'doubt' ? 'doubt' : book.mode === 'live' ? 'live' : undefined;
  return (
    <article className={css.book} data-tone={stripe} aria-label={`${book.name} ${book.mode}`}>
      <div className="row between">
        <h2>{book.name} <Mode mode={book.mode} /></h2>
        <Light tone={book.word === 'TRADING' ? 'good' : book.word === 'REDUCING' ? 'doubt' : 'danger'}>{book.word}</Light>
      </div>
      <div>
        <div className={`${css.great} ${tone === 'danger' ? 'danger' : ''}`}>{isLimited ? <Money brief value={book.nearestFloorMoneyLeft.value} currency={currency} why={book.nearestFloorMoneyLeft.why} /> : <span className="doubt">No loss limit</span>}</div>
        <p className="small quiet">{sentenceOf(book, nearest, isLimited)}</p>
      </div>
      <div className={css.floors}>{book.floors.map((floor) => <FloorBar key={floor.name} floor={floor} currency={currency} />)}</div>
      <Rollover book={book} />
      <dl className={css.facts}>
        <div><dt>Equity</dt><dd><Money brief value={book.equity.value} currency={currency} why={book.equity.why} /></dd></div>
        <div><dt>Floating</dt><dd><Money brief value={book.floatingProfit.value} currency={currency} signed why={book.floatingProfit.why} /></dd></div>
        <div><dt>Today</dt><dd><Money brief value={book.dayProfit.value} currency={currency} signed why={book.dayProfit.why} /></dd></div>
        <div><dt>Margin used</dt><dd><Money brief value={book.marginUsed.value} currency={currency} why={book.marginUsed.why} /></dd></div>
        <div><dt>Margin free</dt><dd><Money brief value={book.marginFree.value} currency={currency} why={book.marginFree.why} /></dd></div>
        <div><dt>Lost if every stop is hit</dt><dd><Money brief value={book.openRisk.value} currency={currency} why={book.openRisk.why} /></dd></div>
        <div><dt>Open trades</dt><dd><Amount value={book.openTrades} /></dd></div>
        <div><dt>{book.nextEnd?.what === 'expiry' ? 'Next expiry' : 'Next session end'}</dt><dd>{book.nextEnd ? <>{book.nextEnd.symbol} <Age at={book.nextEnd.at} /></> : <Unknown why="nothing that is held has one that anybody told" />}</dd></div>
      </dl>
      <ExposureLimits exposure={book.exposure} currency={currency} />
      {book.isAssumed ? <p className="small doubt">▲ Nobody reports its money: room is by deals and marks, on an assumed balance.</p> : null}
      <p className={`small ${book.isStale ? 'danger' : 'quiet'}`}>{book.isStale ? '■ ' : ''}Equity reported <Age at={book.asOf} never="by nobody yet" />{book.isStale && book.asOf ? ': stale' : ''}</p>
    </article>
  );
}

function sentenceOf({ nearestFloorMoneyLeft: left }: Book, nearest: Floor | undefined, isLimited: boolean): string {
  if (!isLimited) return 'Neither a daily loss nor a drawdown limit holds this account back.';
  if (left.value === null) return `Not known how much is left: ${left.why ?? 'a floor is not known'}.`;
  const floor = nearest ? FLOORS[nearest.name] : 'the nearest floor';
  return isNegative(left.value) ? `Beyond ${floor}.` : `left to ${floor}`;
}

function FloorBar({ floor, currency }: { floor: Floor; currency: string }) {
  const name = floor.name === 'day' ? 'Day' : 'Drawdown';
  if (floor.status === 'no_limit') return <p className="small doubt">▲ {name}: no limit</p>;
  const part = partOf(floor);
  return (
    <div>
      <div className="row between small">
        <span>{name} floor <Money brief value={floor.floorEquity.value} currency={currency} why={floor.floorEquity.why} /></span>
        <span><strong><Money brief value={floor.moneyLeft.value} why={floor.moneyLeft.why} /></strong> of <Money brief value={floor.limit.value} why={floor.limit.why} /> left</span>
      </div>
      <Bar part={part} tone={toneOf(part)} label={`${name}: part of the loss limit that is left`} />
    </div>
  );
}

function Rollover({ book }: { book: Book }) {
  const left = (Date.parse(book.rolloverAt) - useNow()) / 1_000;
  return <p className="small" title={utc(book.rolloverAt)}>The day rolls over in <strong>{span(left)}</strong></p>;
}
