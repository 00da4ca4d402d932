export default function TradesPage() {
  return <h1>Trades</h1>;
}
