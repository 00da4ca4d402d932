import { z } from 'zod';

/** What PUT takes of what GET answered, so that a body can be read, changed and put: the settings. What else GET says is held against it by `Precondition.of`. */
export const putBack = <T extends z.ZodObject>(settings: T, shown: z.ZodObject) => z.preprocess((given) => settingsIn(given, settings, shown), settings);

function settingsIn(given: unknown, settings: z.ZodObject, shown: z.ZodObject): unknown {
  if (!isObject(given)) return given;
  return Object.fromEntries(Object.entries(given).flatMap(([name, value]) => {
    if (!(name in settings.shape)) return name in shown.shape ? [] : [[name, value]];
    const [set, seen] = [objectIn(settings.shape[name]), objectIn(shown.shape[name])];
    // A secret, which is never shown: what is set stays, and what is not set is not there after this either.
    if (seen && !set && isObject(value) && typeof value['isSet'] === 'boolean') return [[name, value['isSet'] ? undefined : null]];
    return [[name, set && seen ? settingsIn(value, set, seen) : value]];
  }));
}

const objectIn = (schema: unknown): z.ZodObject | null =>
  schema instanceof z.ZodObject ? schema : schema instanceof z.ZodNullable || schema instanceof z.ZodOptional ? objectIn(schema.unwrap()) : null;

const isObject = (given: unknown): given is Record<string, unknown> => typeof given === 'object' && given !== null && !Array.isArray(given);
