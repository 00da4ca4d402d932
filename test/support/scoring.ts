import { Schedules } from '../../src/database/schedules.js';
import { PredictionScoresService } from '../../src/predictions/prediction-scores.service.js';
import type { TestApp } from './app.js';

/** From here on predictions are scored when a test says so: what the servers began by themselves has ended, and does not begin again. */
export async function scoreByHand(...apps: TestApp[]): Promise<void> {
  for (const { app } of apps) await app.get(Schedules).runDue();
  await apps[0]?.db.query(`insert into schedules (name, next_run_at) values ('predictions.score', 'infinity') on conflict (name) do update set next_run_at = 'infinity'`);
}

export const scoreDue = ({ app }: TestApp): Promise<void> => app.get(PredictionScoresService).scoreDue();
