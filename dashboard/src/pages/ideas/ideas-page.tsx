import { Route, Switch } from 'wouter';
import { IdeaPage } from './idea.js';
import { IdeaList } from './idea-list.js';
import { Propose } from './propose.js';

export default function IdeasPage() {
  return (
    <Switch>
      <Route path="/ideas/new"><Propose /></Route>
      <Route path="/ideas/:id">{({ id }) => <IdeaPage key={id} id={id} />}</Route>
      <Route><IdeaList /></Route>
    </Switch>
  );
}
