import { Module } from '@nestjs/common';
import { InstrumentsController } from './instruments.controller.js';
import { InstrumentsRepository } from './instruments.repository.js';
import { InstrumentsService } from './instruments.service.js';
import { SymbolLookup } from './symbol-lookup.js';

@Module({ controllers: [InstrumentsController], providers: [InstrumentsRepository, InstrumentsService, SymbolLookup], exports: [SymbolLookup] })
export class InstrumentsModule {}
