import { ReadModels0001 } from './0001-read-models.js';
import { StateAsJson0002 } from './0002-state-as-json.js';
import { Deadlines0003 } from './0003-deadlines.js';
import { Sources0004 } from './0004-sources.js';

/** Every migration, in the order they are applied. An applied one is never edited: a change is a new one. */
export const MIGRATIONS = [ReadModels0001, StateAsJson0002, Deadlines0003, Sources0004];
