//! temp
use novi_peers::{*, clock::Clock, measure::*, users::users};
fn main(){ let u=users(); let c=Clock::choose(); println!("{}",c.name());
oracle::check_engines(&u);
 for a in answers::run(c, Effort::QUICK, &Wanted::default(), &u) { println!("{} {:?} / {:?}", a.engine, a.prebuilt.map(|t|t.unwrap().median as i64), a.anew.map(|t|t.unwrap().median as i64)); }
 for a in everything::run(c, Effort::QUICK, &u) { println!("{} {:?}", a.engine, a.times); }
 for a in load::run(c, Effort::QUICK) { println!("{} {:?}", a.engine, a.time); }
 for a in threads::run(Effort::QUICK,&u) { println!("{a:?}"); }
 for a in counts::run().unwrap() { println!("{a:?}"); }
}
