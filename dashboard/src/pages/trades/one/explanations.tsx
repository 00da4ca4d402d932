import { type ItemOf, useList } from '../../../api/queries.js';
import { Amount, Code } from '../../../kit/figures.js';
import { Empty, Fresh } from '../../../kit/panel.js';
import { Time } from '../../../kit/time.js';
import { Factors } from '../../../shared/factors.js';
import css from './one.module.css';

type Explanation = ItemOf<'/api/v1/trades/{tradeId}/explanations'>;
const KINDS: Record<Explanation['kind'], string> = { entry: 'Why it entered', exit: 'Why it left', skip: 'Why it let it be', review: 'Looking back' };

export function Explanations({ tradeId }: { tradeId: string }) {
  const { query, rows } = useList('/api/v1/trades/{tradeId}/explanations', { path: { tradeId } });
  return (
    <Fresh query={query}>{() => (rows.length === 0
      ? <Empty>The agent has explained nothing of this trade. Its side of the why: POST /trades/{'{id}'}/explanations.</Empty>
      : (
        <div className="stack">
          {rows.map((each) => <ExplanationText key={each.id} explanation={each} />)}
          {query.hasNextPage ? <button type="button" onClick={() => void query.fetchNextPage()}>Show more</button> : null}
        </div>
      ))}</Fresh>
  );
}

function ExplanationText({ explanation }: { explanation: Explanation }) {
  const { kind, llmModel, tokens, cost, createdAt, prompt, rawResponse, promptHash } = explanation;
  return (
    <article className={css.explanation}>
      <div className="row between">
        <h3>{KINDS[kind]} <Code>{kind}</Code></h3>
        <span className="quiet small">{llmModel ?? 'model not told'}{tokens === null ? '' : <> · <Amount value={tokens} unit="tokens" /></>}{cost === null ? '' : <> · cost <Amount value={cost} /></>} · <Time at={createdAt} /></span>
      </div>
      <p className={css.text}>{explanation.explanation}</p>
      <Factors name="What spoke for it" factors={explanation.confidenceFactors} />
      <Factors name="What spoke against it" factors={explanation.riskFactors} />
      {prompt !== null || rawResponse !== null ? (
        <details>
          <summary className="small quiet">What the model was asked and answered</summary>
          {prompt === null ? null : <><p className="small quiet">Asked</p><pre tabIndex={0} className={css.text}>{prompt}</pre></>}
          {rawResponse === null ? null : <><p className="small quiet">Answered</p><pre tabIndex={0} className={css.text}>{rawResponse}</pre></>}
          {promptHash === null ? null : <p className="small quiet">Prompt <code>{promptHash}</code></p>}
        </details>
      ) : null}
    </article>
  );
}
