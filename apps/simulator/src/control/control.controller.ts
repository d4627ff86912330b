import { Body, Controller, Delete, Get, HttpCode, Post } from '@nestjs/common';
import { z } from 'zod';
import { ProblemException } from '../api/problem.js';
import type { ChangeableSettings } from '../settings.js';
import type { CounterValues } from './counters.js';
import { faultSchema } from './fault.schema.js';
import { SimulatorControl } from './simulator-control.js';

const faultsBody = z.union([faultSchema, z.array(faultSchema)]);

const settingsBody = z.strictObject({
  run_ms: z.number().min(0).optional(),
  file_ttl_ms: z.number().min(0).optional(),
  creates_per_minute: z.int().positive().optional(),
});

/** The simulator's own endpoints, which Replicate does not have. They need no token. */
@Controller('control')
export class ControlController {
  constructor(private readonly control: SimulatorControl) {}

  @Post('faults')
  @HttpCode(204)
  addFaults(@Body() body: unknown): void {
    const faults = parse(faultsBody, body);
    this.control.fault(...(Array.isArray(faults) ? faults : [faults]));
  }

  @Delete('faults')
  @HttpCode(204)
  clearFaults(): void {
    this.control.clearFaults();
  }

  @Get('counters')
  counters(): CounterValues {
    return this.control.counters();
  }

  @Get('predictions')
  predictions(): Record<string, unknown>[] {
    return this.control.predictions();
  }

  @Post('config')
  @HttpCode(200)
  configure(@Body() body: unknown): ChangeableSettings {
    const { run_ms, file_ttl_ms, creates_per_minute } = parse(settingsBody, body);
    return this.control.configure({ runMs: run_ms, fileTtlMs: file_ttl_ms, createsPerMinute: creates_per_minute });
  }

  @Post('reset')
  @HttpCode(204)
  reset(): void {
    this.control.reset();
  }
}

function parse<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const result = schema.safeParse(body);
  if (!result.success) throw new ProblemException(422, { detail: z.prettifyError(result.error) });
  return result.data;
}
