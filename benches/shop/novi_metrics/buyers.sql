-- kind: proportion
-- window: 7days
select user_id as unit, created_at as ts from orders where amount > 90 and created_at between :start and :end
