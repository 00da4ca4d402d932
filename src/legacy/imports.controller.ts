import { Controller, Get, Param, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { idParam } from '../common/fields.js';
import { Answers } from '../common/http/answers.js';
import { pageOf, pageSchema } from '../common/pagination.js';
import { notFound } from '../common/problem.js';
import { ImportsRepository, type RunRow } from './imports.repository.js';
import { importSchema, importsQuery, rejectSchema, rejectsQuery, toImport, toReject } from './imports.schemas.js';

const runParam = idParam();

/** To look at: imports are made at the command line, beside the old files. */
@Controller('imports')
export class ImportsController {
  constructor(private readonly imports: ImportsRepository) {}

  @Get()
  @Allow({ person: 'viewer' })
  @Answers(pageSchema(importSchema))
  async list(@Query({ schema: importsQuery }) { limit, cursor, ...filter }: z.output<typeof importsQuery>) {
    return pageOf(await this.imports.list(filter, limit, cursor), limit, toImport);
  }

  @Get(':id')
  @Allow({ person: 'viewer' })
  @Answers(importSchema)
  async get(@Param({ schema: runParam }) { id }: z.output<typeof runParam>) {
    return toImport(await this.run(id));
  }

  @Get(':id/rejects')
  @Allow({ person: 'viewer' })
  @Answers(pageSchema(rejectSchema))
  async rejects(@Param({ schema: runParam }) { id }: z.output<typeof runParam>, @Query({ schema: rejectsQuery }) { limit, cursor }: z.output<typeof rejectsQuery>) {
    const run = await this.run(id);
    return pageOf(await this.imports.rejects(run.id, limit, cursor), limit, toReject);
  }

  private async run(id: string): Promise<RunRow> {
    const run = await this.imports.byId(id);
    if (!run) throw notFound('import');
    return run;
  }
}
