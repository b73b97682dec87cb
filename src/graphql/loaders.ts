/** What many fields of one answer need is read together: a constant number of statements for 1 and for 200 rows. */
import DataLoader from 'dataloader'
import type { SignedInViewer, Viewer } from '../access/viewer.ts'
import type { Deps } from '../deps.ts'
import type { Needed } from '../domain/columns.ts'
import { type District, getDistrict, getSettings, type Settings } from '../domain/districts.ts'
import { type Interview, type InterviewListArgs, listInterviewsOf } from '../domain/interviews.ts'
import type { Page } from '../domain/paging.ts'
import { findPeople, mentorsOf, type Person } from '../domain/people.ts'

export class Loaders {
  private readonly deps: Deps
  private readonly viewer: Viewer
  private readonly loaders = new Map<string, DataLoader<string, never>>()
  private readonly districts = new Map<string, Promise<District>>()
  private readonly settings = new Map<string, Promise<Settings>>()

  constructor(deps: Deps, viewer: Viewer) {
    this.deps = deps
    this.viewer = viewer
  }

  person(id: string, needed: Needed<Person>): Promise<Person | undefined> {
    return this.loader(`person ${needed.join()}`, (ids) => findPeople(this.deps, this.viewer, ids, needed)).load(id)
  }

  mentors(candidateId: string, needed: Needed<Person>): Promise<Person[]> {
    return this.loader(`mentors ${needed.join()}`, (ids) => mentorsOf(this.deps, this.signedIn(), ids, needed)).load(candidateId)
  }

  interviewsOf(personId: string, args: InterviewListArgs, needed: Needed<Interview>): Promise<Page<Interview>> {
    const name = `interviews ${needed.join()} ${JSON.stringify(args)}`
    return this.loader(name, (ids) => listInterviewsOf(this.deps, this.signedIn(), ids, args, needed)).load(personId)
  }

  district(id: string): Promise<District> {
    return once(this.districts, id, () => getDistrict(this.deps, id))
  }

  districtSettings(id: string): Promise<Settings> {
    return once(this.settings, id, () => getSettings(this.deps, id))
  }

  /** What is asked for alike shares a statement; other arguments, or other members of the rows, have one each. */
  private loader<Value>(name: string, load: (ids: readonly string[]) => Promise<Value[]>): DataLoader<string, Value> {
    let loader = this.loaders.get(name) as DataLoader<string, Value> | undefined
    if (!loader) this.loaders.set(name, (loader = new DataLoader(load)) as never)
    return loader
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
