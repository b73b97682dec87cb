/** What many fields of one answer need is read together: a constant number of statements for 1 and for 200 rows. */
import DataLoader from 'dataloader'
import type { SignedInViewer, Viewer } from '../access/viewer.ts'
import type { Deps } from '../deps.ts'
import type { Needed } from '../sql/needed.ts'
import { type District, getDistrict, getSettings, type Settings } from '../domain/districts.ts'
import { type Interview, type InterviewListArgs, listInterviewsOf } from '../domain/interviews.ts'
import type { Page } from '../domain/page.ts'
import { findPeople, mentorsOf, type Person } from '../domain/people.ts'

export class Loaders {
  private readonly deps: Deps
  private readonly viewer: Viewer
  private readonly batches = new Map<string, unknown>()
  private readonly districts = new Map<string, Promise<District>>()
  private readonly settings = new Map<string, Promise<Settings>>()

  constructor(deps: Deps, viewer: Viewer) {
    this.deps = deps
    this.viewer = viewer
  }

  person(id: string, needed: Needed<Person>): Promise<Person | undefined> {
    return this.loader('person', needed, (ids, members) => findPeople(this.deps, this.viewer, ids, members)).load(id)
  }

  mentors(candidateId: string, needed: Needed<Person>): Promise<Person[]> {
    return this.loader('mentors', needed, (ids, members) => mentorsOf(this.deps, this.signedIn(), ids, members)).load(candidateId)
  }

  interviewsOf(personId: string, args: InterviewListArgs, needed: Needed<Interview>): Promise<Page<Interview>> {
    return this.loader(`interviews ${JSON.stringify(args)}`, needed, (ids, members) =>
      listInterviewsOf(this.deps, this.signedIn(), ids, args, members),
    ).load(personId)
  }

  district(id: string): Promise<District> {
    return once(this.districts, id, () => getDistrict(this.deps, id))
  }

  districtSettings(id: string): Promise<Settings> {
    return once(this.settings, id, () => getSettings(this.deps, id))
  }

  /** What a write has just been based on need not be read again for its answer. */
  knowSettings(id: string, settings: Settings): void {
    this.settings.set(id, Promise.resolve(settings))
  }

  /** What is asked for alike shares a statement, which reads what any of those who ask needs; with other arguments it has another. */
  private loader<Value, Row>(
    name: string,
    needed: Needed<Row>,
    load: (ids: readonly string[], needed: Needed<Row>) => Promise<Value[]>,
  ): DataLoader<string, Value> {
    let batch = this.batches.get(name) as Batch<Value, Row> | undefined
    if (!batch?.covers(needed)) this.batches.set(name, (batch = new Batch(needed, load)))
    return batch.loader
  }

  /** The access table lets nobody else come this far. */
  private signedIn(): SignedInViewer {
    if (this.viewer.kind === 'anonymous') throw new Error('a relation was reached without a credential')
    return this.viewer
  }
}

function once<Value>(known: Map<string, Promise<Value>>, id: string, load: () => Promise<Value>): Promise<Value> {
  let value = known.get(id)
  if (!value) known.set(id, (value = load()))
  return value
}

/** Rows that are loaded together: until their statement runs, others may join and need more of them. */
class Batch<Value, Row> {
  readonly loader: DataLoader<string, Value>
  private needed: Needed<Row>
  private isOpen = true

  constructor(needed: Needed<Row>, load: (ids: readonly string[], needed: Needed<Row>) => Promise<Value[]>) {
    this.needed = needed
    this.loader = new DataLoader((ids) => {
      this.isOpen = false
      return load(ids, this.needed)
    })
  }

  /** Whether its rows have, or will have, what is needed. */
  covers(needed: Needed<Row>): boolean {
    if (needed === this.needed || needed.every((member) => this.needed.includes(member))) return true
    if (this.isOpen) this.needed = [...new Set([...this.needed, ...needed])].sort()
    return this.isOpen
  }
}
