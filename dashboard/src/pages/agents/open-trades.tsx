import { useList } from '../../api/queries.js';
import { written } from '../../kit/decimal.js';
import { Field } from '../../kit/field.js';
import { Fresh } from '../../kit/panel.js';
import { sideOf } from '../../shared/side.js';

/** Nobody types a trade's id at three in the morning: those that are open are offered. */
export function OpenTrades({ agentId, onChosen }: { agentId: string; onChosen: (tradeId: string) => void }) {
  const { query, rows } = useList('/api/v1/trades', { query: { agentId, status: 'open', limit: 100 } });
  return (
    <Fresh query={query}>
      {() => (rows.length === 0 ? <p className="quiet">It has no open trade that is known here.</p> : (
        <Field name="Choose an open trade" about="fills in the id below">
          <select defaultValue="" onChange={({ target }) => target.value !== '' && onChosen(target.value)}>
            <option value="">—</option>{rows.map(({ id, symbol, direction, outcome, openSize, lotSize, entryPrice }) => <option key={id} value={id}>{`${sideOf({ direction, outcome })} ${written(String(openSize ?? lotSize))} ${symbol}${entryPrice ? ` at ${written(String(entryPrice))}` : ''}`}</option>)}
          </select>
        </Field>
      ))}
    </Fresh>
  );
}
