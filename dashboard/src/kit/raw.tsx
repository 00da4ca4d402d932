/** A raw record behind a disclosure: facts first. */
export const Raw = ({ record, name = 'Raw record' }: { record: unknown; name?: string }) => (
  <details>
    <summary className="small quiet">{name}</summary>
    <pre tabIndex={0}>{JSON.stringify(record, null, 2)}</pre>
  </details>
);
