import { Body, Controller, Get, HttpCode, Param, Patch, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { Allow } from '../../auth/access.js';
import { Answers } from '../../common/http/answers.js';
import { type Caller, CurrentCaller } from '../../common/http/caller.js';
import { type Creation, Once } from '../../common/http/once.js';
import { pageOf, pageSchema } from '../../common/pagination.js';
import { Idempotency } from '../../database/idempotency.js';
import { PreviewService } from './preview.service.js';
import { SourcesRepository } from './sources.repository.js';
import {
  changeSourceSchema, createSourceSchema, newSourceSchema, previewAnswerSchema, previewSchema, retireSourceSchema, rotateSchema, sourceParam, sourceSchema, sourcesQuery,
  templateQuery, templateSchema, toSourceAnswer,
} from './sources.schemas.js';
import { type SourceAndToken, SourcesService } from './sources.service.js';

type SourceParam = z.output<typeof sourceParam>;

/** A replay of an answer that showed the token. */
const withoutUrl = <T extends object>(body: T) => ({ ...body, url: null, secretAlreadyShown: true });

@Controller('webhook-sources')
export class WebhookSourcesController {
  constructor(
    private readonly service: SourcesService,
    private readonly sources: SourcesRepository,
    private readonly previews: PreviewService,
    private readonly idempotency: Idempotency,
  ) {}

  @Post()
  @Allow({ person: 'admin' })
  @Answers(newSourceSchema, 201)
  create(@Body({ schema: createSourceSchema }) body: z.output<typeof createSourceSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation, @Req() request: FastifyRequest) {
    return once.run(this.idempotency, async (tx) => this.shown(await this.service.create(tx, caller, body), request), { withoutSecrets: withoutUrl });
  }

  @Get()
  @Allow({ person: 'viewer' })
  @Answers(pageSchema(sourceSchema))
  async list(@Query({ schema: sourcesQuery }) { limit, cursor, ...filter }: z.output<typeof sourcesQuery>) {
    return pageOf(await this.sources.list(filter, limit, cursor), limit, toSourceAnswer);
  }

  @Get(':sourceId')
  @Allow({ person: 'viewer' })
  @Answers(sourceSchema)
  async get(@Param({ schema: sourceParam }) { sourceId }: SourceParam) {
    return toSourceAnswer(await this.service.get(sourceId));
  }

  @Patch(':sourceId')
  @Allow({ person: 'admin' })
  @Answers(sourceSchema)
  async change(@Param({ schema: sourceParam }) { sourceId }: SourceParam, @Body({ schema: changeSourceSchema }) body: z.output<typeof changeSourceSchema>, @CurrentCaller() caller: Caller) {
    return toSourceAnswer(await this.service.change(caller, sourceId, body));
  }

  @Post(':sourceId/rotate')
  @HttpCode(200)
  @Allow({ person: 'admin' })
  @Answers(newSourceSchema)
  rotate(@Param({ schema: sourceParam }) { sourceId }: SourceParam, @Body({ schema: rotateSchema }) { overlapSeconds }: z.output<typeof rotateSchema>, @CurrentCaller() caller: Caller, @Once() once: Creation, @Req() request: FastifyRequest) {
    return once.run(this.idempotency, async (tx) => this.shown(await this.service.rotate(tx, caller, sourceId, overlapSeconds), request), { status: () => 200, withoutSecrets: withoutUrl });
  }

  @Post(':sourceId/retire')
  @HttpCode(200)
  @Allow({ person: 'admin' })
  @Answers(sourceSchema)
  async retire(@Param({ schema: sourceParam }) { sourceId }: SourceParam, @Body({ schema: retireSourceSchema }) _body: object, @CurrentCaller() caller: Caller) {
    return toSourceAnswer(await this.service.retire(caller, sourceId));
  }

  @Post(':sourceId/preview')
  @HttpCode(200)
  @Allow({ person: 'operator' })
  @Answers(previewAnswerSchema)
  async preview(@Param({ schema: sourceParam }) { sourceId }: SourceParam, @Body({ schema: previewSchema }) tried: z.output<typeof previewSchema>) {
    return this.previews.of(await this.service.get(sourceId), tried);
  }

  @Get(':sourceId/template')
  @Allow({ person: 'viewer' })
  @Answers(templateSchema)
  async template(@Param({ schema: sourceParam }) { sourceId }: SourceParam, @Query({ schema: templateQuery }) { kind, action }: z.output<typeof templateQuery>) {
    return this.previews.template(await this.service.get(sourceId), kind, action);
  }

  private shown({ row, token }: SourceAndToken, request: FastifyRequest): z.output<typeof newSourceSchema> {
    return { ...toSourceAnswer(row), url: this.service.urlOf(token, `${request.protocol}://${request.host}`) };
  }
}
