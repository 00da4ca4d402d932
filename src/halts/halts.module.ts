import { Module } from '@nestjs/common';
import { HaltsRepository } from './halts.repository.js';
import { SuspensionsRepository } from './suspensions.repository.js';

@Module({ providers: [HaltsRepository, SuspensionsRepository], exports: [HaltsRepository, SuspensionsRepository] })
export class HaltsModule {}
