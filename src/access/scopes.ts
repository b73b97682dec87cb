/** The scopes of API keys, spelt as REST spells them; the console, the schema and the documentation print these. */
export const scopes = [
  { id: 'read:people', title: 'Read people', description: 'List and get people' },
  { id: 'write:people', title: 'Write people', description: 'Create and update people' },
  { id: 'read:interviews', title: 'Read interviews', description: 'List and get interviews' },
  { id: 'write:interviews', title: 'Write interviews', description: 'Create and update interviews' },
] as const

export type Scope = (typeof scopes)[number]['id']

export const isScope = (value: unknown): value is Scope => scopes.some(({ id }) => id === value)
