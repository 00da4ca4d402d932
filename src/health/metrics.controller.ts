import { Controller, Get, Header, Headers, Inject } from '@nestjs/common';
import { ApiProduces } from '@nestjs/swagger';
import { Registry } from 'prom-client';
import { z } from 'zod';
import { Allow } from '../auth/access.js';
import { sameSecret } from '../auth/secrets.js';
import { Answers } from '../common/http/answers.js';
import { Problem } from '../common/problem.js';
import type { Env } from '../config/env.js';
import { ENV } from '../config/env.token.js';
import { Scrape } from './scrape.js';

/** For Prometheus. Answers within a second, also while the database is away: then with less, and `tradewarden_database_up 0`. */
@Controller()
@Allow({ public: true, offline: true })
export class MetricsController {
  constructor(
    @Inject(ENV) private readonly env: Env,
    private readonly scrape: Scrape,
  ) {}

  @Get('metrics')
  @Header('Cache-Control', 'no-store')
  @Header('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE)
  @ApiProduces('text/plain')
  @Answers(z.string())
  text(@Headers('authorization') authorization: string | undefined): Promise<string> {
    mayScrape(this.env.METRICS_TOKEN, authorization);
    return this.scrape.text();
  }
}

/** @throws {Problem} 401 METRICS_TOKEN_REFUSED unless the bearer is the token, where there is one */
function mayScrape(token: string | undefined, authorization: string | undefined): void {
  if (token === undefined) return;
  const bearer = /^Bearer +([^\s]+) *$/i.exec(authorization ?? '')?.[1] ?? '';
  if (!sameSecret(bearer, token)) throw new Problem(401, 'METRICS_TOKEN_REFUSED', 'Send "Authorization: Bearer …" with the value of METRICS_TOKEN.');
}
