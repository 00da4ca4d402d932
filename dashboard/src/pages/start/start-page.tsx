import { useState } from 'react';
import { Link } from 'wouter';
import { useMay } from '../../api/session.js';
import { Fresh } from '../../kit/panel.js';
import { AccountStep } from './account-step.js';
import { AgentStep, type Made } from './agent-step.js';
import { InstrumentsStep } from './instruments-step.js';
import { LimitsStep } from './limits-step.js';
import { LiveStep } from './live-step.js';
import { PaperStep } from './paper-step.js';
import { useProgress } from './progress.js';
import css from './start.module.css';
import { Step } from './step.js';

/** From nothing to a trade on paper, and from there to live: each step green before the next. */
export default function StartPage() {
  const progress = useProgress();
  // The key of an agent that was just made: in memory alone, and gone with the page.
  const [made, setMade] = useState<Made | null>(null);
  const mayAdmin = useMay('admin');
  const { done, queries } = progress;
  const failed = queries.find(({ error }) => error) ?? queries.find(({ data }) => data === undefined) ?? queries[0]!;
  const steps = [
    { title: 'Account', body: <AccountStep progress={progress} /> }, { title: 'Instruments', body: <InstrumentsStep progress={progress} /> }, { title: 'Limits', body: <LimitsStep progress={progress} /> },
    { title: 'Agent', body: <AgentStep progress={progress} made={made} onMade={setMade} /> }, { title: 'A trade on paper', body: <PaperStep progress={progress} /> }, { title: 'Go live', body: <LiveStep progress={progress} /> },
  ];
  return (
    <div className="stack">
      <h1>First steps</h1>
      <p className="quiet">Each step is green before the next begins. What is green is what the server has: this page can be left and opened again.{mayAdmin ? '' : ' Accounts, limits, agents and going live take an administrator.'}</p>
      <Fresh query={failed as never} every={4_000}>
        {() => (
          <ol className={css.steps}>
            {steps.map(({ title, body }, index) => <Step key={title} number={index + 1} title={title} isDone={done[index]!} isOpen={index === 0 || done[index]! || done[index - 1]!} before={steps[index - 1]?.title}>{body}</Step>)}
          </ol>
        )}
      </Fresh>
      <p className="small"><Link href="/overview">Overview</Link></p>
    </div>
  );
}
