import { Controller, Get, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { unavailable } from '../common/problem.js';
import { searchQuery, searchSchema } from './search.schemas.js';

@Controller('search')
export class SearchController {
  @Get()
  @Allow({ person: 'viewer' })
  @Answers(searchSchema)
  find(@Query({ schema: searchQuery }) { q: _q }: z.output<typeof searchQuery>) {
    throw unavailable('NOT_YET', 'comes with the next commit');
  }
}
