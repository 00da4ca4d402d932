import { useMutation } from '@tanstack/react-query';
import { useRef } from 'react';
import { ProblemNote } from '../../kit/problem-note.js';
import { download } from '../../shared/download.js';

/** All trades that the filters let through, not only those that were read so far. */
export function CsvExport({ query }: { query: Record<string, string> }) {
  const abort = useRef<AbortController>(null);
  const saving = useMutation({
    mutationFn: () => {
      abort.current = new AbortController();
      const words = new URLSearchParams(query).toString();
      return download(`/api/v1/trades/export${words === '' ? '' : `?${words}`}`, abort.current.signal);
    },
  });
  const isStopped = saving.error?.name === 'AbortError';
  return (
    <>
      {saving.isPending
        ? <button type="button" className="small" onClick={() => abort.current?.abort()}>Stop the export</button>
        : <button type="button" className="small" onClick={() => saving.mutate()}>Export all of these as CSV</button>}
      <span className="small quiet" role="status">{saving.isPending ? 'Reading …' : saving.isSuccess ? `Saved as ${saving.data}` : isStopped ? 'Stopped; nothing was saved.' : ''}</span>
      {isStopped ? null : <ProblemNote error={saving.error} holds="Nothing was saved." />}
    </>
  );
}
