import { Copyable } from '../../kit/copy.js';

/** A key is seen once. It stands in the page's memory alone, and is gone with the next page. */
export const ShownKey = ({ apiKey }: { apiKey: string | null }) => (apiKey === null
  ? <p className="doubt">▲ The key was shown already, and the server has no copy of it. Make another, and revoke this one.</p>
  : <div className="stack"><p><strong>This is the only time that this key is shown.</strong> Put it where the agent reads it; the server keeps a hash alone.</p><Copyable text={apiKey} name="key" /></div>);
