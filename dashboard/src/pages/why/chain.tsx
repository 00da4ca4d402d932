import { Link } from 'wouter';
import { Light } from '../../kit/figures.js';
import { Raw } from '../../kit/raw.js';
import { Time } from '../../kit/time.js';
import { Actor, useAccounts } from '../../shared/names.js';
import { Reasons, verdictOf } from '../../shared/verdict.js';
import { useWords } from '../../shared/words.js';
import { type Ending, endingsOf } from './ending.js';
import { StepFacts } from './step-facts.js';
import { accountOf, addressOf, nameOf, type Step, toneOf, type Why } from './step.js';
import css from './why.module.css';

/** The steps in a line, causes before effects; the last card says what came of it, or where it ended. */
export function Chain({ why }: { why: Why }) {
  const currency = useAccounts().find(({ id }) => id === accountOf(why.chain))?.currency;
  return (
    <ol className={css.chain} aria-label="Steps, causes first">
      {why.chain.map((step, n) => <Card key={`${step.type} ${step.id} ${n}`} step={step} currency={currency} isSubject={step.id === why.subject.id && isOf(step, why)} />)}
      {endingsOf(why.chain).map((ending, n) => <End key={n} ending={ending} />)}
    </ol>
  );
}

/** Of a trade, its outcome is what was asked about. */
const isOf = (step: Step, { subject }: Why): boolean => (subject.type === 'trade' ? step.type === 'outcome' : step.type === subject.type);

function Card({ step, isSubject, currency }: { step: Step; isSubject: boolean; currency: string | undefined }) {
  const words = useWords();
  const to = addressOf(step);
  const tone = toneOf(step);
  return (
    <li className={css.step} data-tone={tone} data-type={step.type} aria-current={isSubject ? 'step' : undefined}>
      <article className={css.card}>
        <header className={css.head}>
          <h2><Light tone={tone}>{nameOf(step)}</Light>{isSubject ? <span className={css.asked}>asked about</span> : null}</h2>
          <span className="small quiet">{step.actor ? <><Actor who={step.actor} /> · </> : null}<Time at={step.at} /></span>
        </header>
        <p className={css.summary}>{words(step.summary)}</p>
        <StepFacts step={step} currency={currency} />
        <footer className={css.foot}>
          {to ? <Link href={to}>Open</Link> : null}
          <Raw record={step} />
        </footer>
      </article>
    </li>
  );
}

function End({ ending: { tone, title, text, decision, link } }: { ending: Ending }) {
  const verdict = decision ? verdictOf(decision.data['riskCheckResult']) : null;
  const said = decision && typeof decision.data['reason'] === 'string' ? decision.data['reason'] : null;
  return (
    <li className={css.step} data-tone={tone} data-type="end">
      <article className={`${css.card} ${css.end}`}>
        <header className={css.head}>
          <h2><Light tone={tone}>{title}</Light></h2>
          {decision ? <span className="small quiet">{decision.actor ? <><Actor who={decision.actor} /> · </> : null}<Time at={decision.at} /></span> : null}
        </header>
        <p className={css.summary}>{text}</p>
        {verdict && tone === 'danger' ? <Reasons reasons={verdict.reasons} /> : null}
        {said ? <p>“{said}”</p> : null}
        {link ? <footer className={css.foot}><Link href={link.to}>{link.name}</Link></footer> : null}
      </article>
    </li>
  );
}
