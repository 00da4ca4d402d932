import { Copyable } from '../../kit/copy.js';

/** The address holds the source's secret; the server keeps only its hash. */
export function ShownOnce({ url }: { url: string | null }) {
  if (url === null) return <p className="doubt" role="status">▲ The address was shown already, and cannot be shown again. Rotate it to get another.</p>;
  return (
    <div className="stack" role="status">
      <p><strong>▲ This address is shown once.</strong> Whoever has it can post alerts: paste it into TradingView as the webhook URL now.</p>
      <Copyable text={url} name="address" />
      <p className="small quiet">TradingView posts to ports 80 and 443 only, and not to addresses of a local network.</p>
    </div>
  );
}
