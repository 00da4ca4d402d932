export default function IdeasPage() {
  return <h1>Ideas</h1>;
}
