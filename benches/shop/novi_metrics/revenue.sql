-- kind: mean
-- window: 7days
select user_id as unit, created_at as ts, amount as value from orders where created_at between :start and :end
