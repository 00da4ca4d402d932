import { Link } from 'wouter';
import { Mode } from '../kit/figures.js';
import { Age, span, Time, useNow } from '../kit/time.js';
import { useWords } from '../shared/words.js';
import { type Safety, useSafety, type Word } from './safety.js';
import { SearchButton } from './search.js';
import { KeptStops } from './stop/kept-line.js';
import { leasesOf } from './stop/leases.js';
import { StopButton } from './stop/stop-button.js';
import css from './strip.module.css';
import { UserMenu } from './user-menu.js';

const SHAPES: Record<Word, string> = { TRADING: '●', REDUCING: '▲', HALTED: '■', 'NOT KNOWN': '■' };

/** Whether money may move now, why, and since when; whose; what is open; and Stop. On top of every page. */
export function Strip() {
  const safety = useSafety();
  const { word, overview } = safety;
  return (
    <header className={css.all} aria-label="Safety">
      <div className={css.strip} data-word={word}>
        <div className={css.word} role="status" aria-label="State of trading"><span aria-hidden="true">{SHAPES[word]}</span> {word}</div>
        <Why safety={safety} />
        <div className={css.facts}>
          <Accounts safety={safety} />
          {overview ? <Incidents overview={overview} /> : null}
          <span className={`small ${word === 'NOT KNOWN' ? 'danger' : 'quiet'}`}>newest fact <Age at={safety.newestAt} /></span>
        </div>
        <div className={css.tools}>
          <SearchButton />
          <UserMenu />
        </div>
        <StopButton className={css.stop} />
      </div>
      <KeptStops leases={leasesOf(overview)} />
    </header>
  );
}

function Why({ safety: { word, reasons, since } }: { safety: Safety }) {
  const words = useWords();
  const [first, ...more] = reasons.map(words);
  const isDoubt = word === 'NOT KNOWN';
  return (
    <div className={css.why} role={isDoubt ? 'alert' : undefined}>
      {first ? <span title={reasons.map(words).join('\n')}>{first}{isDoubt ? ` ${more.join(' ')}` : ''}</span> : null}
      {more.length > 0 && !isDoubt ? <Link className="small" href="/overview">and {more.length} more</Link> : null}
      {since === null ? null : <span className="small"> {isDoubt ? <>not known for <Lasting since={since} /></> : <>since <Time at={String(since)} /></>}</span>}
    </div>
  );
}

function Lasting({ since }: { since: string | number }) {
  const now = useNow();
  return <>{span((now - new Date(since).getTime()) / 1_000)}</>;
}

const SHOWN_MOST = 6;

/** The names stay when the word is not known: they are no claim. */
function Accounts({ safety: { word, overview } }: { safety: Safety }) {
  if (!overview || overview.accounts.length === 0) return null;
  return (
    <ul className={css.accounts} aria-label="In view" tabIndex={0}>
      {overview.accounts.slice(0, SHOWN_MOST).map((book) => (
        <li key={`${book.id} ${book.mode}`} className="nowrap">{book.name} <Mode mode={book.mode} />{word !== 'NOT KNOWN' && book.word !== word ? <strong className={book.word === 'TRADING' ? '' : 'danger'}> {book.word}</strong> : null}</li>
      ))}
      {overview.accounts.length > SHOWN_MOST ? <li className="quiet nowrap">and {overview.accounts.length - SHOWN_MOST} more</li> : null}
    </ul>
  );
}

function Incidents({ overview: { incidents: { open } } }: { overview: NonNullable<Safety['overview']> }) {
  const count = open.critical + open.warning + open.info;
  if (count === 0) return <span className="small quiet nowrap">no open incident</span>;
  return <Link href="/overview#waiting" className={`nowrap ${open.critical > 0 ? 'danger' : 'doubt'}`}>{open.critical > 0 ? '■' : '▲'} {count} open incident{count === 1 ? '' : 's'}</Link>;
}
