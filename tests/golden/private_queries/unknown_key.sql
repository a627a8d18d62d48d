with pairs as (select distinct "stops"."person", "stops"."street" as label from "stops" where "stops"."person" is not null and "stops"."sex" in (0) and "stops"."age" >= 18 and "stops"."street" is not null),
smallest as (select "person", min({'place': hash("person", label), 'label': label}, 2) as first_keys from pairs group by "person"),
kept as (select unnest(first_keys).label as label from smallest)
select label, count(*) as persons from kept group by label
