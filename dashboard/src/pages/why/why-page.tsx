import { type FormEvent, useState } from 'react';
import { Link, Route, Switch, useLocation } from 'wouter';
import { useGet } from '../../api/queries.js';
import { Field } from '../../kit/field.js';
import { Light } from '../../kit/figures.js';
import { Empty, Fresh, Panel } from '../../kit/panel.js';
import { Chain } from './chain.js';
import { ChainChart } from './chain-chart.js';
import { endingsOf } from './ending.js';
import { type Step, tradeIdsOf } from './step.js';
import css from './why.module.css';

const IS_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export default function WhyPage() {
  return (
    <Switch>
      <Route path="/why/:id">{({ id }) => <OfId key={id} id={id} />}</Route>
      <Route><h1>Why</h1><Ask /></Route>
    </Switch>
  );
}

function Ask({ id = '' }: { id?: string }) {
  const [, go] = useLocation();
  const [asked, setAsked] = useState(id);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (asked.trim() !== '') go(`/why/${encodeURIComponent(asked.trim())}`);
  };
  return (
    <Panel title="Ask why">
      <form className={css.ask} onSubmit={submit}>
        <Field name="Id" about="of a trade, an idea, an alert, a command, a prediction, a decision, a closure or a halt"><input value={asked} onChange={({ target }) => setAsked(target.value)} spellCheck={false} autoCapitalize="off" /></Field>
        <button type="submit" className="main">Show why</button>
      </form>
    </Panel>
  );
}

function OfId({ id }: { id: string }) {
  const isId = IS_ID.test(id);
  const query = useGet('/api/v1/why/{id}', { path: { id } }, { enabled: isId });
  if (!isId) return <><h1>Why</h1><Empty>This is no id: {id}. An id has 36 characters.</Empty><Ask id={id} /></>;
  if (query.error?.status === 404) return <><h1>Why</h1><Empty>Nothing has the id <code>{id}</code>: neither a trade nor an idea, alert, command, prediction, decision, closure or halt.</Empty><Ask id={id} /></>;
  return (
    <>
      <h1>{query.data ? `Why: ${query.data.subject.type} …${id.slice(-8)}` : 'Why'}</h1>
      <Fresh query={query}>{(why) => {
        const trades = tradeIdsOf(why.chain);
        return (
          <div className={trades.length > 0 ? css.beside : 'stack'}>
            <div className="stack">
              <Result chain={why.chain} />
              <Missing missing={why.missing} cut={why.cut} complete={why.complete} />
              <Chain why={why} />
            </div>
            {trades[0] ? (
              <aside className={css.chart}>
                <ChainChart tradeId={trades[0]} chain={why.chain} />
                {trades.length > 1 ? <p className="small">Other trades of this path: {trades.slice(1).map((each) => <Link key={each} href={`/why/${each}`}>…{each.slice(-8)} </Link>)}</p> : null}
              </aside>
            ) : null}
          </div>
        );
      }}</Fresh>
    </>
  );
}

/** What came of it, before how it came to be. */
function Result({ chain }: { chain: readonly Step[] }) {
  const [ending] = endingsOf(chain);
  const outcome = chain.filter(({ type }) => type === 'outcome').at(-1);
  if (ending) return <p className={css.result}><Light tone={ending.tone}>{ending.title}</Light></p>;
  return outcome ? <p className={css.result}>{outcome.summary}</p> : null;
}

/** What is not known is said first: a path with a hole in it is no explanation. */
function Missing({ missing, cut, complete }: { missing: readonly string[]; cut: boolean; complete: boolean }) {
  if (complete) return <p className="quiet">Nothing that one would expect is missing from this path.</p>;
  return (
    <div className={css.missing} role="note">
      {missing.length > 0 ? <p><strong>▲ What is not known or not there</strong></p> : null}
      <ul>{missing.map((each) => <li key={each}>{each}</li>)}</ul>
      {cut ? <p>▲ There are more steps than are shown: the first 400 and the last 100 are here.</p> : null}
    </div>
  );
}
