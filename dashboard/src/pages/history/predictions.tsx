import { Link } from 'wouter';
import { type ItemOf, useGet, useList } from '../../api/queries.js';
import { given, useFilter } from '../../kit/address.js';
import { type Column, DataTable } from '../../kit/data-table.js';
import { Amount, Figure, Light, Percent, Unknown } from '../../kit/figures.js';
import { FilterChoice, Filters, FilterText, FilterTime } from '../../kit/filters.js';
import { Fresh, Panel } from '../../kit/panel.js';
import { span, Time } from '../../kit/time.js';
import { AgentLink, useAgents } from '../../shared/names.js';
import { Calibration, short } from './calibration.js';
import css from './history.module.css';

type Prediction = ItemOf<'/api/v1/predictions'>;

function Came({ prediction: { score, horizonSeconds } }: { prediction: Prediction }) {
  if (!score) return <Unknown why={horizonSeconds === null ? 'it has no horizon' : 'its horizon is not over, or its price is looked for'} />;
  if (score.outcome === 'unscored') return <Unknown why="no price was there in 7 days" />;
  return <span className="nowrap"><Light tone={score.outcome === 'right' ? 'good' : 'danger'}>{score.outcome}</Light> <span className="small quiet">moved <Amount value={score.move} /></span></span>;
}

const COLUMNS: readonly Column<Prediction>[] = [
  { name: 'Prediction', cell: ({ id, direction, symbol }) => <Link href={`/why/${id}`}>{direction} {symbol}</Link> },
  { name: 'Confidence', cell: ({ confidence }) => <Percent fraction={confidence} />, number: true },
  { name: 'What came', cell: (prediction) => <Came prediction={prediction} /> },
  { name: 'Came true at such a confidence', cell: ({ calibratedProbability }) => <Percent fraction={calibratedProbability && short(calibratedProbability)} why="fewer than 100 are scored" />, number: true, wide: true },
  { name: 'Horizon', cell: ({ horizonSeconds }) => (horizonSeconds === null ? <Unknown why="none was told" /> : span(horizonSeconds)), wide: true },
  { name: 'Model', cell: ({ model, modelVersion }) => `${model}${modelVersion ? ` ${modelVersion}` : ''}`, wide: true },
  { name: 'Agent', cell: ({ agentId }) => <AgentLink id={agentId} />, wide: true },
  { name: 'Used', cell: ({ usedByAgent }) => (usedByAgent ? 'yes' : 'no'), wide: true },
  { name: 'At', cell: ({ timestamp }) => <Time at={timestamp} />, wide: true },
];

export function Predictions() {
  const [agentId] = useFilter('agentId');
  const [symbol] = useFilter('symbol');
  const [direction] = useFilter('direction');
  const [from] = useFilter('from');
  const [to] = useFilter('to');
  const agents = useAgents();
  const stats = useGet('/api/v1/predictions/stats', { query: given({ agentId, symbol, from, to }) as never }, { every: 60_000 });
  const { query, rows } = useList('/api/v1/predictions', { query: given({ agentId, symbol, direction, from, to }) as never });
  return (
    <>
      <Panel title="How far they can be believed">
        <Filters>
          <FilterChoice of="agentId" name="Agent" choices={agents.map(({ id, name }) => ({ value: id, name }))} />
          <FilterText of="symbol" name="Symbol" upper />
          <FilterTime of="from" name="From" />
          <FilterTime of="to" name="To" />
        </Filters>
        <Fresh query={stats} every={60_000}>{(of) => (
          <div className="stack">
            <div className={css.figures}>
              <Figure name="Came true" note={`${of.right} of ${of.scored} scored`}><Percent fraction={of.accuracy && short(of.accuracy)} why="none is scored" /></Figure>
              <Figure name="Average confidence" note={`${of.predictions} predictions`}><Percent fraction={of.averageConfidence && short(of.averageConfidence)} why="there is none" /></Figure>
              <Figure name="Brier score" note="0 is best; 0.25 is always saying one half"><Amount value={of.brierScore && short(of.brierScore)} why="none is scored" /></Figure>
              <Figure name="Traded" note={`${of.traded} were traded`}><Percent fraction={of.executionRate && short(of.executionRate)} why="there is none" /></Figure>
              <Figure name="Not scored" note="wait · never will be"><span className="nowrap">{of.waiting} · {of.unscored}</span></Figure>
            </div>
            <Calibration classes={of.calibration} />
            {of.models.length > 1 ? <DataTable label="By model" rows={of.models} rowKey={({ model, modelVersion }) => `${model} ${modelVersion}`} empty="" columns={[
              { name: 'Model', cell: ({ model, modelVersion }) => `${model} ${modelVersion ?? ''}` }, { name: 'Predictions', cell: ({ predictions }) => predictions, number: true }, { name: 'Scored', cell: ({ scored }) => scored, number: true },
              { name: 'Came true', cell: ({ accuracy }) => <Percent fraction={accuracy && short(accuracy)} why="none is scored" />, number: true }, { name: 'Confidence', cell: ({ averageConfidence }) => <Percent fraction={averageConfidence && short(averageConfidence)} why="there is none" />, number: true, wide: true },
            ]} /> : null}
          </div>
        )}</Fresh>
      </Panel>
      <Panel title="Predictions">
        <Filters><FilterChoice of="direction" name="Direction" choices={['long', 'short', 'hold'].map((value) => ({ value, name: value }))} /></Filters>
        <Fresh query={query}>{() => <DataTable label="Predictions" columns={COLUMNS} rows={rows} rowKey={({ id }) => id} more={query} empty="No prediction fits. Agents tell them by POST /predictions; with a horizon they are scored when it is over." />}</Fresh>
      </Panel>
    </>
  );
}
