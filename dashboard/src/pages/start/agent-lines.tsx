import { useState } from 'react';
import { Copyable } from '../../kit/copy.js';
import { curlLines, keyOr, pythonLines, typescriptLines } from './lines.js';
import type { Agent } from './progress.js';
import css from './start.module.css';
import { TradingViewLines } from './tradingview-lines.js';

const KINDS = ['Python', 'TypeScript', 'curl', 'TradingView'] as const;
type Kind = (typeof KINDS)[number];
const ABOUT: Record<Exclude<Kind, 'TradingView'>, string> = {
  Python: 'An agent that trades on paper, in one file on the standard library: put your own strategy into it.', TypeScript: 'The reference agent, on a random market: copy it.', curl: 'By hand, to see what an agent says and hears.',
};
const LINES = { Python: pythonLines, TypeScript: typescriptLines, curl: curlLines } as const;

/** The lines to paste. They stand in the project's folder, and speak to the server that serves this page. */
export function AgentLines({ agent, apiKey, symbol }: { agent: Agent; apiKey: string | null; symbol: string }) {
  const [kind, setKind] = useState<Kind>('Python');
  return (
    <div className="stack">
      <div className={css.choices} role="group" aria-label="Start it by">{KINDS.map((each) => <button key={each} type="button" className="small" aria-pressed={kind === each} onClick={() => setKind(each)}>{each}</button>)}</div>
      {kind === 'TradingView' ? <TradingViewLines agent={agent} /> : (
        <>
          <p className="quiet">{ABOUT[kind]}</p>
          <Copyable key={kind} name="lines" text={LINES[kind]({ origin: location.origin, key: keyOr(apiKey), symbol })} />
        </>
      )}
    </div>
  );
}
