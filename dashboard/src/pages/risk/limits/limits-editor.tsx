import type { ApiError } from '../../../api/problem.js';
import { useMay } from '../../../api/session.js';
import type { Change } from '../../../shared/versioned/differences.js';
import type { Draft } from '../../../shared/versioned/draft.js';
import { VersionedEditor } from '../../../shared/versioned/versioned-editor.js';
import { LimitFields } from './limit-fields.js';
import type { Limits } from './limit-meanings.js';
import { limitTelling } from './limit-telling.js';
import { effectOfChange } from './looseness.js';

interface Props {
  draft: Draft<Limits>;
  currency: string;
  nullMeans: string;
  error: ApiError | null;
  busy: boolean;
  saved: string | null;
  whose: string;
  onSave: (limits: Limits, version: number, reason: string | null) => void;
  onForget: () => void;
}

export function LimitsEditor({ draft, currency, nullMeans, error, ...rest }: Props) {
  const mayChange = useMay('admin');
  return (
    <VersionedEditor {...rest} draft={draft} error={error} mayChange={mayChange} telling={limitTelling(currency, nullMeans)} warningOf={warningOf}>
      <LimitFields value={draft.mine} before={draft.base} currency={currency} nullMeans={nullMeans} mayChange={mayChange} onChange={draft.change} errorOf={(name) => (error?.status === 412 ? undefined : error?.of(name))} />
    </VersionedEditor>
  );
}

function warningOf(changes: readonly Change[], mine: Limits, base: Limits): string | null {
  if (mine.aiTradingEnabled === true && base.aiTradingEnabled !== true) return 'From the answer on agents may open trades by themselves.';
  const looser = changes.filter((change) => effectOfChange(change) === 'looser').length;
  return looser === 0 ? null : `${looser === 1 ? 'One limit' : `${looser} limits`} will let more through, from the answer on.`;
}
