import { Controller, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Allow } from '../../auth/access.js';
import { plainAddress } from '../../auth/origin.js';
import { Answers } from '../../common/http/answers.js';
import { IntakeService, type Sent } from './intake.service.js';

const SECRET_HEADERS = ['x-webhook-secret', 'x-sigmatrader-secret'];
const NOTHING = Buffer.alloc(0);

const takenSchema = z.object({
  alertId: z.uuid().describe('of a duplicate: that of the first'), status: z.enum(['accepted', 'duplicate']),
}).meta({ id: 'AlertTaken' });
const pingSchema = z.object({ status: z.literal('ok') }).meta({ id: 'AlertPing' });

@Controller('webhooks/tradingview')
export class WebhooksController {
  constructor(private readonly intake: IntakeService) {}

  @Post(':token')
  @Allow({ public: true })
  @Answers(takenSchema, 202)
  @Answers(pingSchema, 200)
  async take(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply) {
    const { status, body } = await this.intake.take(sentBy(request));
    void reply.status(status);
    return body;
  }
}

function sentBy(request: FastifyRequest): Sent {
  const { body, headers } = request;
  return {
    token: (request.params as { token: string }).token, body: Buffer.isBuffer(body) ? body : NOTHING, contentType: request.sentContentType,
    secrets: SECRET_HEADERS.flatMap((name) => headers[name] ?? []).map((secret) => secret.trim()).filter((secret) => secret !== ''),
    address: plainAddress(request.ip), correlationId: request.id,
  };
}
