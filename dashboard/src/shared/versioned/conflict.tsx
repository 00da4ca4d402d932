import { useState } from 'react';
import { DataTable } from '../../kit/data-table.js';
import { nameOf, type Telling, valueOf } from './change-table.js';
import { changesBetween, type Fields, isSame } from './differences.js';
import css from './versioned.module.css';

interface Props {
  base: Fields;
  mine: Fields;
  theirs: Fields;
  version: number;
  telling: Telling;
  /** Each field as it was decided, on top of what is there now. */
  onDecided: (fields: Fields) => void;
  onDiscard: () => void;
}

/**
 * Another person changed it since it was read. Nothing of either is lost: both are seen beside each other, and what only
 * one of the two changed is taken from that one unless the person says otherwise.
 */
export function Conflict({ base, mine, theirs, version, telling, onDecided, onDiscard }: Props) {
  const [chosen, choose] = useState<Record<string, 'mine' | 'theirs'>>({});
  const fields = [...new Set([...changesBetween(base, mine), ...changesBetween(base, theirs)].map(({ field }) => field))];
  const choiceOf = (field: string): 'mine' | 'theirs' => chosen[field] ?? (isSame(base[field], mine[field]) ? 'theirs' : 'mine');
  const decide = () => onDecided({ ...theirs, ...Object.fromEntries(fields.filter((field) => choiceOf(field) === 'mine').map((field) => [field, mine[field]])) });
  const pick = (field: string, whose: 'mine' | 'theirs', value: unknown, words: string) => (
    <label className={css.choice}>
      <input type="radio" name={`conflict-${field}`} aria-label={`${nameOf(telling, field)}: ${words}`} checked={choiceOf(field) === whose} onChange={() => choose({ ...chosen, [field]: whose })} />
      <span>{valueOf(telling, field, value)}</span>
    </label>
  );
  return (
    <section className={css.conflict} aria-label="Changed by another person">
      <h3 className="doubt">▲ Version {version} was saved while you were changing it</h3>
      <p>Nothing of yours was saved, and nothing of it is lost. Decide for each field which value is to stand.</p>
      <DataTable
        label="Both changes" rows={fields} rowKey={(field) => field} empty="Both of you say the same."
        tone={(field) => (!isSame(base[field], mine[field]) && !isSame(base[field], theirs[field]) && !isSame(mine[field], theirs[field]) ? 'doubt' : undefined)}
        columns={[
          { name: 'What', cell: (field) => nameOf(telling, field) },
          { name: 'As you read it', wide: true, cell: (field) => valueOf(telling, field, base[field]) },
          { name: `There now`, cell: (field) => pick(field, 'theirs', theirs[field], 'what is there now') },
          { name: 'Yours', cell: (field) => pick(field, 'mine', mine[field], 'yours') },
        ]}
      />
      <div className="row">
        <button type="button" className="main" onClick={decide}>Go on with these values</button>
        <button type="button" onClick={onDiscard}>Discard mine, keep what is there now</button>
      </div>
    </section>
  );
}
