export default function RiskPage() {
  return <h1>Risk</h1>;
}
